# require: psycopg[binary] pymysql
import psycopg, psycopg.sql, pymysql, socket
assert psycopg.pq.__impl__ == "binary" and psycopg.pq.version() > 150000
assert psycopg.sql.SQL("select {}").format(psycopg.sql.Identifier('a"b')).as_string(None) == 'select "a""b"'
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
for connect in (lambda: psycopg.connect(host="127.0.0.1", port=port, connect_timeout=2),
                lambda: pymysql.connect(host="127.0.0.1", port=port, connect_timeout=2)):
    try:
        connect()
    except (psycopg.OperationalError, pymysql.err.OperationalError) as error:
        assert "refused" in str(error), error
    else:
        raise AssertionError("somebody answered")
print("ok")
