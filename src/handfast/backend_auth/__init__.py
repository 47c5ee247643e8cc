"""How accounts are signed in behind us: identity's side of `BackendSignIn`, against live grants only."""
