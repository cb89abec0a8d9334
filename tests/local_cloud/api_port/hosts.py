"""Hosts by which the API's port is called. With some of them LocalStack's port is one of its services."""

HOSTS = {
    "a tunnel": {"Host": "shop.example.com"},
    "a tunnel's port": {"Host": "shop.example.com:443"},
    "LocalStack's port": {"Host": "localhost:4566"},
    "S3": {"Host": "s3.localhost.localstack.cloud"},
    "a bucket": {"Host": "bucket.s3.amazonaws.com"},
    "Secrets Manager": {"Host": "secretsmanager.us-east-1.amazonaws.com"},
    "another API": {"Host": "abc.execute-api.localhost.localstack.cloud:4566"},
    "a function URL": {"Host": "abc.lambda-url.us-east-1.localhost.localstack.cloud:4566"},
    "a forwarded name": {"Host": "localhost", "X-Forwarded-Host": "s3.localhost.localstack.cloud"},
    "no host": {},
}
