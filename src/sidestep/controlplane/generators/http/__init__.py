"""What HTTP proxies are told, whatever their role: policies, tokens, routes. Sidecars and waypoints share it."""
