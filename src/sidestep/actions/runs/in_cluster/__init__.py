"""Records of runs in the cluster that they change: ConfigMaps for what is kept, a Lease for who performs, Events for
people. Nothing of ours runs there; who has the role of `sidestep rbac --for migrate` can look, and go on.
"""
