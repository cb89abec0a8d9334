"""Requests with the expected answer of each HTTP port, the same for the rules and for every server."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IMAGE = {"User-Agent": BROWSER, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}
LOOPBACK = (
    "localhost",
    "LOCALHOST:4566",
    "127.0.0.1:1",
    "127.8.9.10:4566",
    "[::1]:4566",
    "[::1]",
    "[::ffff:127.0.0.1]",
)

WELCOME: dict[str, dict[str, str]] = {
    **{f"the host {host}": {"Host": host} for host in LOOPBACK},
    "LocalStack's name": {"Host": "localhost.localstack.cloud:4566"},
    "a bucket's name": {"Host": "bucket.s3.localhost.localstack.cloud:4566"},
    "an API's name": {"Host": "abc.execute-api.localhost.localstack.cloud:4566"},
    "a function URL's name": {"Host": "abc.lambda-url.us-east-1.localhost.localstack.cloud:4566"},
    "a queue's name": {"Host": "sqs.us-east-1.127.0.0.1:4566"},
    "boto3": {"Host": "127.0.0.1:4566", "User-Agent": "Boto3/1.40 md/Botocore#1.40 ua/2.1"},
    "the aws CLI": {"Host": "localhost:4566", "User-Agent": "aws-cli/2.30 md/awscrt#0.27"},
    "curl": {"Host": "localhost:4566", "User-Agent": "curl/8.9", "Accept": "*/*"},
    "Stripe's CLI": {"Host": "localhost:8420", "User-Agent": "Stripe/v1 stripe-cli/1.30"},
    "an address that the user typed": {"Host": "localhost", "User-Agent": BROWSER, "Sec-Fetch-Site": "none"},
    "a page of the port itself": {"Host": "localhost", "User-Agent": BROWSER, "Sec-Fetch-Site": "same-origin"},
}

UNWELCOME: dict[str, dict[str, str]] = {
    "a rebound name": {"Host": "evil.example:4566"},
    "a rebound name of its own origin": {
        "Host": "evil.example",
        "User-Agent": BROWSER,
        "Sec-Fetch-Site": "same-origin",
    },
    "a name that begins like ours": {"Host": "localhost.evil.example"},
    "a name that begins like the address": {"Host": "127.0.0.1.evil.example"},
    "a name that ends almost like LocalStack's": {"Host": "evillocalhost.localstack.cloud"},
    "an address that is not loopback": {"Host": "192.168.1.10:4566"},
    "the address of every interface": {"Host": "0.0.0.0:4566"},
    "an empty host": {"Host": ""},
    "two hosts in one": {"Host": "localhost@evil.example"},
    "an image": {"Host": "localhost:4566", **IMAGE},
    "an image of another local port's page": {"Host": "localhost:4566", **IMAGE, "Sec-Fetch-Site": "same-site"},
    "a link": {
        "Host": "127.0.0.1",
        "User-Agent": BROWSER,
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
    },
    "an image at LocalStack's name": {"Host": "localhost.localstack.cloud:4566", "User-Agent": BROWSER},
    "an image of an old browser": {"Host": "localhost:4566", "User-Agent": BROWSER},
    "an image on a plain page elsewhere": {
        "Host": "localhost.localstack.cloud:4566",
        "User-Agent": BROWSER,
        "Referer": "http://evil.example/page",
    },
    "an image on a page without an address": {
        "Host": "localhost.localstack.cloud:4566",
        "User-Agent": BROWSER,
        "Referer": "http://[",
    },
}

OWN_ORIGINS = ("http://localhost:3000", "http://127.0.0.1:5173", "https://localhost", "http://[::1]:3000")
FOREIGN_ORIGINS = ("https://evil.example", "null", "http://localhost.evil.example", "file://", "http://192.168.1.10")
