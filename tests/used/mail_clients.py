import ftplib, imaplib, poplib, smtplib

for start in (
    lambda: ftplib.FTP("127.0.0.1", timeout=1),
    lambda: imaplib.IMAP4("127.0.0.1", 1),
    lambda: poplib.POP3("127.0.0.1", 1),
    lambda: smtplib.SMTP("127.0.0.1", 1),
):
    try:
        start()
    except OSError as error:
        print(type(error).__name__)
