"""What a client outside would see of a publication, and what it would do: the way of a phone and of Outlook, step by step.

`questions` holds what clients ask; `presented` (by `strictness`), `doors` and `signed_in` what an answer makes them do;
`journey` the order of it all; these are pure, over the values of `steps`. `visit` is the only module here that opens a
connection: to the gateway's own listener, and to nothing that an answer names. `publications` takes all from the settings.
"""
