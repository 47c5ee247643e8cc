"""What may pass, rule by rule, and what is refused by name. Everything that no rule lets through is refused as well."""
