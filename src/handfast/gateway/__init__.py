"""The HTTP data plane of one worker process.

A connection is accepted (`acceptor`), read head by head (`downstream`), and each request becomes an `exchange`: routed
(`routing`), decided (`sign_in`, `asking`, with what is known already in `grants`), taken to a server (`reaching`, `pool`,
`upstream`), relayed there and back (`heads`, `body`), refused where that is due (`refusal`, `refused_answer`) and recorded
(`ending`). `identity_link` and `revalidation` take away what must not go on; `worker` holds it all together.
"""
