"""Complete LocalStack's CloudFormation: roll back failed operations, and apply or refuse every update."""
