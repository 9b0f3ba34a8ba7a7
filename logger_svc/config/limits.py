"""What an operator may decide about keeping logs."""

from libs.service import env

LOG_STORE_DIR = env.text("MT_LOG_STORE_DIR", help="Folder of the log files in embedded mode; empty: MT_HOME/logs.")
LOG_RETENTION_DAYS = env.integer("MT_LOG_RETENTION_DAYS", 7, minimum=1, help="Days for which logs are kept.")
LOG_MAX_BYTES = env.integer(
    "MT_LOG_MAX_BYTES", 2 * 1024**3, minimum=1024**2, help="Size of all logs; beyond it the oldest go."
)
LOG_QUOTA = env.integer("MT_LOG_QUOTA", 5_000, minimum=1, help="Records a second that Logger takes from one service.")
