"""What people read and type: safe to show, in columns, over streams that may end."""
