import email, email.policy
from email.message import EmailMessage

message = EmailMessage()
message["Subject"] = "Grüße"
message.set_content("text")
message.add_attachment(b"bytes", maintype="application", subtype="octet-stream", filename="x")
parsed = email.message_from_bytes(bytes(message), policy=email.policy.default)
print([part.get_content_type() for part in parsed.walk()], parsed["Subject"])
