"""What the mesh's configuration means at this moment, for who tells proxies of layer 7.

Pods change all the time, and come to proxies by records. So the mesh that is read here has none: it is made again only
when an object changed from which meaning is read, and only when somebody asks.
"""
