"""The page that a browser gets where Outlook on the web or the control panel would be.

It is static to the byte: nothing of the request is in it, so nothing can be made to appear in it. The policy beside it
lets a browser load, run and send nothing; only the page's own style, named by its digest, applies.
Source: W3C Content Security Policy Level 3.
"""

from __future__ import annotations

import base64
import hashlib

_STYLE = (
    "body{margin:15vh auto;max-width:32rem;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif;color:#222;background:#fff}"
    "h1{font-size:1.25rem}"
)
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Not available in the browser</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Mail can't be read in the browser here yet</h1>
<p>Web access comes with sign-in pages of its own, which are not installed yet.</p>
<p>Your mailbox is well. Use the mail app of your phone or computer, or ask your help desk.</p>
</body>
</html>
"""

WEB_PAGE = _PAGE.encode()
_STYLE_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
WEB_PAGE_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"Content-Type", b"text/html; charset=utf-8"),
    (
        b"Content-Security-Policy",
        f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'".encode(),
    ),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"X-Frame-Options", b"DENY"),
    (b"Referrer-Policy", b"no-referrer"),
)
