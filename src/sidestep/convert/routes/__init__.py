"""From VirtualServices and DestinationRules to what a waypoint reads: the parts that the rewrites of routes share."""
