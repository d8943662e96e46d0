"""The dashboard and the alerts."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

OPS = Path(__file__).parents[1] / "ops"
DASHBOARD = OPS / "grafana-dashboard.json"
ALERTS = OPS / "prometheus-alerts.yml"
OF_PROMETHEUS = {"instance", "job", "le"}
FIRING = f"""
rule_files: [{ALERTS}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'country_relations_ready{{job="country-relations", instance="a"}}'
        values: '0x30'
      - series: 'up{{job="country-relations", instance="a"}}'
        values: '1x30'
      - series: 'country_relations_requests_total{{instance="a", status="500"}}'
        values: '0+1x30'
      - series: 'country_relations_requests_total{{instance="a", status="200"}}'
        values: '0+9x30'
    promql_expr_test:
      - expr: sort(count by (alertname) (ALERTS{{alertstate="firing"}}))
        eval_time: 30m
        exp_samples:
          - {{labels: '{{alertname="CountryRelationsNotReady"}}', value: 1}}
          - {{labels: '{{alertname="CountryRelationsErrors"}}', value: 1}}
"""


def expressions():
    """Return the queries of the dashboard as Grafana would send them."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    texts = [target["expr"] for panel in panels for target in panel["targets"]]
    return [text.replace("$__rate_interval", "5m").replace("$instance", ".*") for text in texts]


def test_metrics_exist(client):
    """Every metric and label that the dashboard or an alert asks for exists."""
    client.post("/v1/relations", json={"text": "France condemned Iran."})
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [one for family in families for one in family.samples]
    asked = "\n".join([*expressions(), ALERTS.read_text(encoding="utf-8")])
    names = set(re.findall(r"country_relations_\w+", asked))
    labels = {label for group in re.findall(r"by \(([^)]*)\)", asked) for label in group.split(", ")}
    labels |= set(re.findall(r"(\w+)=~?\"", asked))
    assert len(names) >= 8
    assert names <= {one.name for one in samples}
    assert labels <= {label for one in samples for label in one.labels} | OF_PROMETHEUS


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is missing: install Debian's prometheus")
def test_promtool(tmp_path):
    """Prometheus understands all alerts and queries, and the alerts fire."""
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(expressions())]
    queries = tmp_path / "queries.yml"
    queries.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    firing = tmp_path / "firing.yml"
    firing.write_text(FIRING)
    for arguments in (["check", "rules", str(ALERTS), str(queries)], ["test", "rules", str(firing)]):
        done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
