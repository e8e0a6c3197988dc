"""What can be typed after `dlrun`: one file a verb."""
