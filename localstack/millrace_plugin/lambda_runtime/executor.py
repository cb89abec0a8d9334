"""Run a function version of LocalStack in an `Environment`."""

import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import psutil
from localstack.aws.api import CommonServiceException
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import (
    ArchiveCode,
    FunctionVersion,
    InitializationType,
    InvocationResult,
)
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from millrace_plugin.lambda_runtime import log_files
from millrace_plugin.lambda_runtime.configuration import JSON
from millrace_plugin.lambda_runtime.environment import Environment, StoppedError
from millrace_plugin.lambda_runtime.invocation import Function, Invocation, Logging
from millrace_plugin.lambda_runtime.isolation import namespaces_work
from millrace_plugin.lambda_runtime.log_delivery import Logged, Stream, delivery
from millrace_plugin.lambda_runtime.packages import PackageStore
from millrace_plugin.lambda_runtime.runtime import FaultError
from millrace_plugin.lambda_runtime.variables import Places, function_variables
from millrace_plugin.settings import HOST, lambda_python

RUNTIME = "python3.13"
_environments: weakref.WeakSet[Environment] = weakref.WeakSet()


class UnsupportedFunctionError(Exception):
    """The function version cannot run as a local process. The message says why."""


class ProcessExecutor(RuntimeExecutor):
    """Run one execution environment of a function version. LocalStack passes it one invocation at a time."""

    client_context: str | None = None
    """The client context of the next invocation, as JSON. LocalStack's payload does not carry it."""

    def start(self, env_vars: Mapping[str, object]) -> None:
        self._environment = Environment(_function(self.id, self.function_version, env_vars))
        function = self.function_version.id
        group, stream = (str(env_vars[f"AWS_LAMBDA_LOG_{kind}_NAME"]) for kind in ("GROUP", "STREAM"))
        file = log_files.name_of(function.function_name, self.function_version.config.handler or "")
        self._log_stream = Stream(function.account, function.region, group, stream, file)
        _environments.add(self._environment)
        self._environment.start()
        if env_vars["AWS_LAMBDA_INITIALIZATION_TYPE"] == InitializationType.provisioned_concurrency:
            try:
                self._environment.initialize()
            except FaultError as error:
                raise StatusErrorException(str(error), error.fault.payload) from error

    def invoke(self, payload: Mapping[str, str]) -> InvocationResult:
        invocation = Invocation(
            request_id=payload["invoke-id"],
            function_arn=payload["invoked-function-arn"],
            payload=payload["payload"].encode(),
            trace_id=payload["trace-id"],
            client_context=self.client_context,
        )
        try:
            outcome = self._environment.invoke(invocation)
        except StoppedError as error:
            message = "The function's environment was stopped during the invocation."
            raise CommonServiceException("ServiceException", message, status_code=500) from error
        delivery().put(Logged(self._log_stream, invocation.request_id, outcome.events))
        return InvocationResult(invocation.request_id, outcome.payload, outcome.is_error, outcome.logs)

    def stop(self) -> None:
        self._environment.stop()

    @staticmethod
    def kill_all() -> None:
        """Kill all environments, because the end of LocalStack waits for threads that still invoke."""
        for environment in list(_environments):
            environment.stop(at_once=True)

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        _check_supported(function_version)
        _packages(function_version)

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Do nothing: other versions may share the packages, and the store removes unused ones."""

    @classmethod
    def validate_environment(cls) -> bool:
        return True

    def get_address(self) -> str:
        return HOST

    def get_endpoint_from_executor(self) -> str:
        return HOST

    def get_runtime_endpoint(self) -> str:
        return ""

    def get_logs(self) -> str:
        """Return nothing: each invocation's result carries its own log."""
        return ""


def _check_supported(function_version: FunctionVersion) -> None:
    config = function_version.config
    if config.code is None:
        raise UnsupportedFunctionError(
            "A container image cannot run as a local process: package the function as a zip."
        )
    if config.runtime != RUNTIME:
        raise UnsupportedFunctionError(f"Runtime {config.runtime} cannot run as a local process: only {RUNTIME} can.")


def _function(environment_id: str, function_version: FunctionVersion, offered: Mapping[str, object]) -> Function:
    config = function_version.config
    scratch = _scratch() / str(os.getpid()) / environment_id
    task, layers = _packages(function_version)
    places = Places(_python(), task, layers, scratch)
    logging = _logging(config.logging_config)
    if logging.is_json:
        offered = {**offered, "AWS_LAMBDA_LOG_LEVEL": logging.application_level}
    return Function(
        python=places.python,
        handler=config.handler or "",
        variables=function_variables(offered, config.environment or {}, places),
        scratch=scratch,
        version=function_version.id.qualifier,
        timeout=config.timeout,
        memory_size=config.memory_size,
        runtime_version=(config.runtime_version_config or {}).get("RuntimeVersionArn", ""),
        layers=layers,
        logging=logging,
    )


def _logging(config: Mapping[str, str]) -> Logging:
    if config.get("LogFormat") != JSON:
        return Logging()
    return Logging(
        is_json=True,
        application_level=config.get("ApplicationLogLevel", "INFO"),
        system_level=config.get("SystemLogLevel", "INFO"),
    )


def _packages(function_version: FunctionVersion) -> tuple[Path, Path | None]:
    """Return the folder of the code and that of the layers, None without layers. Creates missing ones."""
    config = function_version.config
    layers = [layer.code for layer in config.layers if layer.code]
    return _folder([config.code]), _folder(layers) if layers else None


def _folder(packages: list[ArchiveCode]) -> Path:
    """Return the folder of the packages' union. A hot-reloaded folder of the developer is used in place."""
    if packages[0].is_hot_reloading():
        return Path(packages[0].get_unzipped_code_location())
    return _store().folder([package.code_sha256 for package in packages], lambda: _unpack(packages))


def _unpack(packages: list[ArchiveCode]) -> Iterator[Path]:
    for package in packages:
        package.prepare_for_execution()
        yield package.get_unzipped_code_location()


@cache
def _python() -> Path:
    return Path(lambda_python())


@cache
def _root() -> Path:
    return Path(tempfile.gettempdir()) / "millrace-functions"


@cache
def _scratch() -> Path:
    """Return the folder of the functions' /tmp folders, one per LocalStack process. Removes those of dead processes."""
    folder = _root() / "scratch"
    for left in folder.glob("*"):
        if not psutil.pid_exists(int(left.name)):
            shutil.rmtree(left, ignore_errors=True)
    return folder


@cache
def _store() -> PackageStore:
    return PackageStore(_root() / "packages", _python(), protect=not namespaces_work(_python()))
