"""What a mesh is: frozen values with their origin. No rules, no IO.

Every object that a later step may rewrite keeps its whole body; evidence that is only read (Pods, Nodes,
EndpointSlices, ReplicaSets) keeps the fields that somebody reads.
"""
