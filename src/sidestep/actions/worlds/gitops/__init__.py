"""A repository as a world: what is written are commits, and the cluster that follows them is only looked at.

`commits` makes a plan of commits from a plan of writes, `world` carries it out, `converged` tells what the controllers
that apply a repository have done.
"""
