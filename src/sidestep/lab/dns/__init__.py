"""Names of the lab: what the cluster's DNS answers, what a node proxy's answers, and how a pod asks."""
