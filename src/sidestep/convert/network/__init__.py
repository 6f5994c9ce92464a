"""NetworkPolicies: what is on the wire in ambient, and what they said about ports put into other words."""
