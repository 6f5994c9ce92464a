"""Who may call whom: AuthorizationPolicies in one normal form, and what each enforcement point makes of them."""
