import sys, time, signal, tempfile, pathlib, datetime as dt
from interpreter import Client, Scheduler
from interpreter.embedded import EmbeddedPostgres
from tests.acceptance import findings, ledger, fault_workflows as faults
from tests.acceptance.scheduler_process import SchedulerProcess
from tests.databases import opened
home=pathlib.Path(tempfile.mkdtemp(prefix="df-",dir="/tmp")); home.chmod(0o755)
with EmbeddedPostgres(home) as pg:
    db=pg.conninfo
    with Client(db) as client, opened(db) as sql:
        sql.execute(ledger.SCHEMA); ledger.open_ledger(db)
        p=SchedulerProcess(db,"tests.acceptance.fault_workflows",home/"a.log",lease="500ms"); p.wait_until_serving()
        with Scheduler(db,lease="500ms") as b:
          seen=set()
          for i in range(14):
            hs=[client.start(faults.doing_nothing_wrong,5,0.01) for _ in range(100)]
            time.sleep(0.2)
            p.send(signal.SIGSTOP); t0=time.time(); time.sleep(1.5); t1=time.time(); p.send(signal.SIGCONT)
            for h in hs: h.result("60s")
            n=sql.execute("select count(*) from runs where process=%s and began_at>to_timestamp(%s) and began_at < to_timestamp(%s)",[p.pid,t1,t1+0.05]).fetchone()
            bad=findings.broken_laws(sql)
            for k,v in bad.items():
                for r in v:
                    if str(r) in seen: continue
                    seen.add(str(r))
                    print(i,k,r["process"]==p.pid, round(r["began_at"].timestamp()-t1,4), round(r["journaled_at"].timestamp()-t0,3), flush=True)
        p.kill()
