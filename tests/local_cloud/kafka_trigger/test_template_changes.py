from millrace_local.kafka_trigger.template_changes import changed_parameters


def test_every_property_of_the_template_reaches_the_api() -> None:
    """LocalStack's own provider leaves out the pollers, metrics and log level."""
    new = {
        "ProvisionedPollerConfig": {"MaximumPollers": 3},
        "MetricsConfig": {"Metrics": ["EventCount"]},
        "LoggingConfig": {"SystemLogLevel": "DEBUG"},
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionName": "f",
    }
    assert changed_parameters({}, new | {"Topics": ["t"], "StartingPosition": "LATEST"}) == new


def test_a_property_that_was_removed_goes_back_to_its_default() -> None:
    """It would otherwise stay as it was, with the template saying nothing of it."""
    old = {
        "BatchSize": 5,
        "FilterCriteria": {"Filters": []},
        "MaximumRetryAttempts": 3,
        "DestinationConfig": {"OnFailure": {"Destination": "kafka://dead"}},
    }
    assert changed_parameters(old, {"BatchSize": 6}) == {
        "BatchSize": 6,
        "FilterCriteria": {},
        "MaximumRetryAttempts": -1,
        "DestinationConfig": {"OnFailure": {}},
    }
