"""What istiod is to a mesh, for the lab: records of what runs, certificates, and configuration for real proxies."""
