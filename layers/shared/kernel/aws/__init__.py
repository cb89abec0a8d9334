"""AWS's services, asked over HTTP without boto3."""
