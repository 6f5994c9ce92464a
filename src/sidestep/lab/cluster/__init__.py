"""What the API server, the scheduler and the controllers do: objects, and what becomes of them. Touches nothing."""
