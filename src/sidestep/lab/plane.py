"""The control plane as the lab runs it: with a view of connections in pods, which it cuts where ztunnel would.

`python -m sidestep.lab.plane`, with the arguments of `sidestep.controlplane`.
"""

from sidestep.controlplane.__main__ import main
from sidestep.lab.net.held import Held

if __name__ == "__main__":
    main(Held())
