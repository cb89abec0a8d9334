"""Clients of AWS's services over HTTP, without boto3."""
