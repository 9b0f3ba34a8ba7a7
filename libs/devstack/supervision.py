"""Supervision by supervisord: a process that dies is started again, the rest go on, and one signal ends all in order.

`up` becomes supervisord; a `conductor` that it runs starts the stages one after the other (`libs.devstack.conductor`).
Every child holds a pipe of supervisord as its standard input: end of file means that supervisord died, and it ends.
Services write their log files themselves (MT_LOG_FILE); supervisord copies there what they say before that, and the
output of the broker.
"""

import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

from supervisor import supervisord

from libs.devstack import broker, keys
from libs.devstack.folders import private_folder
from libs.devstack.plan import ROOT, STAGES, Plan, Process
from libs.devstack.ports import refuse_taken

SUPERVISOR = """\
[supervisord]
nodaemon=true
silent=true
logfile={home}/log/supervisord.log
pidfile={home}/run/supervisord.pid
childlogdir={home}/log
directory={root}
{user}
[unix_http_server]
file={socket}
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[program:conductor]
command={python} -m libs.devstack.conductor
autorestart=false
startsecs=0
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
stderr_logfile=/dev/fd/2
stderr_logfile_maxbytes=0
stopwaitsecs=5
priority=999
"""

PROGRAM = """\
[program:{name}]
command={command}
environment={environment}
autostart=false
autorestart=true
startsecs=1
startretries=1000000
stopsignal=TERM
stopwaitsecs=30
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""

GROUP = """\
[group:{stage}]
programs={names}
priority={priority}
"""

FAILED = "failed"


def up(plan: Plan) -> int:
    """Start everything and stay until a signal; give the exit code."""
    refuse_taken(plan.ports)
    for folder in ("log", "run", "db"):
        (plan.home / folder).mkdir(parents=True, exist_ok=True)
    keys.write_keys(plan.keys)
    config_file = broker.write_config(plan.home)
    failed = plan.home / "run" / FAILED
    failed.unlink(missing_ok=True)
    programs = [] if plan.broker_url else [_broker(config_file)]
    file = plan.home / "run" / "supervisord.conf"
    file.touch(mode=0o600)
    file.write_text(config(plan, [*programs, *plan.processes()]))
    supervisord.main(["-c", str(file)])  # type: ignore[no-untyped-call]
    return 1 if failed.exists() else 0


def _broker(config_file: Path) -> Process:
    leash = str(Path(__file__).with_name("leash.py"))
    return Process("broker", "broker", (sys.executable, "-IS", leash, str(broker.binary()), str(config_file)))


def control_socket(plan: Plan) -> Path:
    """Give the path of supervisord's control socket."""
    return private_folder(plan.home) / "supervisor.sock"


def config(plan: Plan, processes: list[Process]) -> str:
    """Write supervisord's configuration: one program per process, one group per stage."""
    parts = [
        SUPERVISOR.format(
            home=_quoted(str(plan.home)),
            root=_quoted(str(ROOT)),
            socket=_quoted(str(control_socket(plan))),
            python=_quoted(sys.executable),
            user=f"user={pwd.getpwuid(os.getuid()).pw_name}\n",
        )
    ]
    parts += [
        PROGRAM.format(
            name=process.name,
            command=" ".join(f'"{_quoted(word)}"' for word in process.command),
            environment=_environment(process.environment),
            log=_quoted(str(plan.log_file(process.name))),
        )
        for process in processes
    ]
    for priority, stage in enumerate(["broker", *STAGES], start=1):
        names = ",".join(process.name for process in processes if process.stage == stage)
        if names:
            parts.append(GROUP.format(stage=stage, names=names, priority=priority))
    return "\n".join(parts)


def _environment(variables: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_quoted(value)}"' for name, value in variables.items())


def _quoted(text: str) -> str:
    """Escape what supervisord's configuration would expand."""
    return text.replace("%", "%%")
