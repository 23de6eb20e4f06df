# require: asyncssh
import asyncio
import asyncssh
key = asyncssh.generate_private_key("ssh-ed25519")
class Server(asyncssh.SSHServer):
    def begin_auth(self, username): return False
async def main():
    def handle(process):
        process.stdout.write(process.command.upper())
        process.exit(3)
    async with await asyncssh.listen("127.0.0.1", 0, server_factory=Server, server_host_keys=[key], process_factory=handle) as server:
        async with asyncssh.connect("127.0.0.1", server.get_port(), known_hosts=None, username="u", config=None) as client:
            done = await client.run("words")
            return done.stdout, done.exit_status
assert asyncio.run(main()) == ("WORDS", 3)
print("ok")
