"""`./millrace invoke` on a running cloud."""

from pathlib import Path

from tests.kit.cloud import Cloud


def test_an_event_that_is_no_json_is_refused_before_anything_is_invoked(cloud: Cloud, tmp_path: Path) -> None:
    """The error names the file and what is wrong with it."""
    event = tmp_path / "event.json"
    event.write_text("{")
    refused = cloud.millrace("invoke", "OperationsGetHealth", "--event", str(event), check=False)
    assert refused.returncode == 1
    assert f"{event} is not JSON" in refused.stderr


def test_invoke_prints_the_answer_and_the_log(cloud: Cloud) -> None:
    """The function's answer is JSON on standard output, its log lines are on standard error."""
    ran = cloud.millrace("invoke", "OperationsGetHealth")
    assert '"body": "{\\"status\\":\\"UP\\"}"' in ran.stdout
    assert "REPORT RequestId:" in ran.stderr
