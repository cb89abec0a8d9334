"""LocalStack's CloudFormation, completed: failed operations are rolled back, updates reach every type or are refused."""
