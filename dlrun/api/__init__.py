"""The door for Python: what `import dlrun` offers. Results, actions, and the scope in which these leave no trace."""
