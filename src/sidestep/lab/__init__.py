"""A small cluster on one machine: nodes and pods as network namespaces, with real proxies between them."""
