"""Who a peer is and what its token says: PeerAuthentication and RequestAuthentication."""
