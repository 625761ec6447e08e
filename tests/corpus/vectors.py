import json, subprocess
def run(postern, path, ports):
    done = subprocess.run([postern, "read", "-f", "eve", "--ports", ",".join(str(p) for p in ports), path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError("%s: %s" % (path, done.stderr))
    return done.stdout.decode().splitlines()
def smtp_records(lines):
    return [r for r in map(json.loads, lines) if r["event_type"] == "smtp"]
KINDS = {}
