"""Where mappings are, and how commands about them are written."""

from dataclasses import dataclass
from functools import cached_property

from millrace_local.deployment import functions, stages
from millrace_local.deployment.stages import Stage
from millrace_local.instance import APPLICATION, STAGE, Instance
from millrace_plugin.status.structures import Mapping


@dataclass(frozen=True)
class Place:
    """A stage, and the options that lead to it.

    *stage_name*: None for the only stage that is deployed in the account of *profile*.
    """

    instance: Instance
    stage_name: str | None = STAGE
    profile: str | None = None

    @classmethod
    def of(cls, stage: str | None, profile: str | None) -> "Place":
        """Return the place that the options of a command name: without any, the local cloud."""
        return cls(Instance.from_environment(), stage or (None if profile else STAGE), profile)

    @property
    def is_local(self) -> bool:
        return self.stage_name == STAGE and not self.profile

    @cached_property
    def stage(self) -> Stage:
        """The deployed stage. Raises LocalCloudError if it cannot be reached."""
        return stages.local(self.instance) if self.is_local else stages.on_aws(self.stage_name, self.profile)

    @cached_property
    def _modules(self) -> dict[str, str]:
        return functions.modules()

    @property
    def options(self) -> str:
        """The options that lead here, with a space before them."""
        if self.is_local:
            return ""
        return f" --stage {self.stage.name}" + (f" --profile {self.profile}" if self.profile else "")

    def name(self, mapping: Mapping) -> str:
        """Return what users call the mapping: its function's path, or the function's name if it is not ours."""
        return self._modules.get(mapping.function, mapping.function)

    def command(self, verb: str, mapping: Mapping) -> str:
        name = self.name(mapping)
        return f"./millrace mappings {verb} {name if name != mapping.function else mapping.uuid}{self.options}"

    def operation(self, name: str) -> str:
        return f"./millrace run {name}{self.options}"

    def aws(self, words: str) -> str:
        """Return a command of AWS's command line for this place."""
        if self.is_local:
            return f'eval "$(./millrace env)"; aws {words}'
        return f"aws {words}" + (f" --profile {self.profile}" if self.profile else "")

    def logs(self, mapping: Mapping) -> str:
        """Return the command that shows the function's log."""
        name = self.name(mapping)
        if self.is_local and name != mapping.function:
            return f"./millrace logs {name}"
        if self.is_local:
            return "./millrace logs localstack"
        domain = name.partition(".")[0]
        return self.aws(f"logs tail /{APPLICATION}/{self.stage.name}/{domain} --since 15m")

    def logs_of_trigger(self, mapping: Mapping) -> str:
        return "./millrace logs localstack" if self.is_local else self.logs(mapping)

    def clients(self, mapping: Mapping) -> str:
        """Return the command that shows which processes are connected to the brokers."""
        if self.is_local:
            port = mapping.bootstrap.rpartition(":")[2]
            return f"lsof -nP -iTCP:{port} -sTCP:ESTABLISHED  # find that client, and stop it"
        return self.operation("operations.report_problems")

    def deployed(self) -> str:
        """Return the command that deploys a mended function."""
        return "./millrace deploy" if self.is_local else f"sam deploy --stack-name {APPLICATION}-{self.stage.name}"

    def restored(self) -> str:
        """Return the command that brings back what was deleted behind CloudFormation's back."""
        return "./millrace down && ./millrace up" if self.is_local else self.deployed()
