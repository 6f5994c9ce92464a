"""The mesh's certificate authority: short-lived certificates for workloads, roots that can be exchanged under load."""
