"""The control plane and the node components that ambient needs, as Helm values of Istio's four charts."""
