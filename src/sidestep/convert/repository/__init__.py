"""Where a change of an object goes in a repository of manifests: plain files, Kustomize, Helm; or why nowhere."""
