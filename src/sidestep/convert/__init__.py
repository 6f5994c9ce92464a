"""What must be rewritten on the way to ambient: objects to objects, and everything that is lost by name."""
