"""Which waypoints a plan needs: how large, where, at what price, and as which objects."""
