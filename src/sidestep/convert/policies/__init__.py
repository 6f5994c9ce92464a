"""What policies on pods become: twins for waypoints, what ztunnel can hold, and what keeps the way past them shut."""
