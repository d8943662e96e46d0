"""The application for any WSGI server: ``gunicorn --preload service.wsgi:app``."""

import os
import sys

from service import log, tracing
from service.app import create_app
from service.config import ConfigError, Settings

try:
    _settings = Settings.from_environment(os.environ)
except ConfigError as error:
    sys.exit(f"Error: {error}")

log.configure(_settings.log_level)
app = create_app(_settings)
tracing.start(app)
