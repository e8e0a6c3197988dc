"""One run: its folder, its life, and what is made of it afterwards."""
