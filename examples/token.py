"""Signs a token for adsum-server, with the secret that ADSUM_JWT_SECRET has, for ten minutes.

    python3 examples/token.py ann bob cyd       a token of ann's, whose contacts are bob and cyd
"""
import base64, hashlib, hmac, json, os, sys, time

def part(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()

def token(secret: str, claims: dict) -> str:
    head = {"alg": "HS256", "typ": "JWT"}
    signed = ".".join(part(json.dumps(each).encode()) for each in (head, claims))
    return signed + "." + part(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))

user, *contacts = sys.argv[1:]
claims = {"sub": user, "exp": int(time.time()) + 600, "adsum.contacts": contacts}
print(token(os.environ["ADSUM_JWT_SECRET"], claims))
