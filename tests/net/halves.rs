//! The two directions of a connection, apart and together again.

use std::io::ErrorKind;

use annulus::BufResult;
use annulus::io::{AsyncReadExt, AsyncWriteExt, Splittable};
use annulus::net::TcpStream;
use annulus::net::tcp::ReuniteError;

use crate::support::{
    foreign_end, half_foreign_pair, pair, poll_once, read_exact, run, run_really, settle,
};

#[test]
fn lent_halves_go_both_ways_at_the_same_time() {
    run(async {
        let (mut client, server) = pair().await;
        let echo = annulus::spawn(async move {
            loop {
                let (count, buf) = server.read(vec![0; 4096]).await.unwrap();
                if count == 0 {
                    return;
                }
                server.write_all(buf[..count].to_vec()).await.into_result().unwrap();
            }
        });
        let sent: Vec<u8> = (0..2_000_000u32).map(|i| (i / 7) as u8).collect();
        let (reader, writer) = client.split();
        let mut write = Box::pin(async {
            writer.write_all(sent.clone()).await.into_result().unwrap();
            writer.shutdown().await.unwrap();
        });
        let mut is_written = false;
        let mut received = Vec::new();
        while received.len() < sent.len() {
            is_written = is_written || poll_once(&mut write).await.is_some();
            received.extend(reader.read(Vec::with_capacity(65536)).await.unwrap().1);
        }
        assert!(received == sent);
        if !is_written {
            write.await;
        }
        echo.await.unwrap();
    });
}

#[test]
fn dropping_the_writing_half_ends_its_direction_and_the_other_lives() {
    run(async {
        let (stream, server) = pair().await;
        let (reader, writer) = stream.into_split();
        writer.write_all("last").await.into_result().unwrap();
        drop(writer);
        assert_eq!(read_exact(&server, 4).await, b"last");
        assert_eq!(server.read(vec![0; 4]).await.unwrap().0, 0);
        server.write_all("answer").await.into_result().unwrap();
        let (count, buf) = reader.read(Vec::with_capacity(16)).await.unwrap();
        assert_eq!((count, &buf[..]), (6, &b"answer"[..]));
        drop(reader);
        settle().await;
        // Now nobody is there.
        server.write_all("x").await.into_result().unwrap();
        settle().await;
        assert!(server.write("x").await.is_err());
    });
}

#[test]
fn dropping_the_reading_half_ends_nothing() {
    run(async {
        let (stream, server) = pair().await;
        let (reader, writer) = stream.into_split();
        drop(reader);
        settle().await;
        writer.write_all("still here").await.into_result().unwrap();
        assert_eq!(read_exact(&server, 10).await, b"still here");
        server.write_all("unread").await.into_result().unwrap();
        writer.write_all("and here").await.into_result().unwrap();
        assert_eq!(read_exact(&server, 8).await, b"and here");
    });
}

#[test]
fn dropping_both_halves_closes_the_connection() {
    run_really(async {
        let (stream, foreign) = half_foreign_pair().await;
        let (reader, writer) = stream.into_split();
        let mut read = reader.read(vec![0; 4]);
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        drop((reader, writer));
        assert_eq!(read.await.0.unwrap_err().kind(), ErrorKind::NotConnected);
        assert_eq!(foreign_end(foreign).await, b"");
    });
}

#[test]
fn halves_of_one_connection_are_put_together_again() {
    run(async {
        let (stream, server) = pair().await;
        let address = stream.local_addr().unwrap();
        let (reader, writer) = stream.into_split();
        assert_eq!(reader.local_addr().unwrap(), address);
        assert_eq!(writer.peer_addr().unwrap(), server.local_addr().unwrap());
        let stream = reader.reunite(writer).unwrap();
        let (reader, writer) = stream.into_split();
        let stream = writer.reunite(reader).unwrap();
        assert_eq!(stream.local_addr().unwrap(), address);
        // Nothing was ended by it, and the whole is the only user again.
        stream.write_all("whole").await.into_result().unwrap();
        assert_eq!(read_exact(&server, 5).await, b"whole");
        stream.into_std().unwrap();
    });
}

#[test]
fn halves_of_two_connections_are_given_back() {
    run(async {
        let (one, one_peer) = pair().await;
        let (two, two_peer) = pair().await;
        let (one_reader, one_writer) = one.into_split();
        let (two_reader, two_writer) = two.into_split();
        let error = one_reader.reunite(two_writer).unwrap_err();
        assert!(error.to_string().contains("not of the same connection"));
        let ReuniteError(one_reader, two_writer) = error;
        one_reader.reunite(one_writer).unwrap().write_all("1").await.into_result().unwrap();
        two_writer.reunite(two_reader).unwrap().write_all("2").await.into_result().unwrap();
        assert_eq!(read_exact(&one_peer, 1).await, b"1");
        assert_eq!(read_exact(&two_peer, 1).await, b"2");
    });
}

#[test]
fn a_forgotten_writing_half_ends_nothing() {
    run(async {
        let (stream, server) = pair().await;
        let (reader, writer) = stream.into_split();
        writer.forget();
        let mut read = server.read(vec![0; 4]);
        assert!(poll_once(&mut read).await.is_none());
        settle().await;
        assert!(poll_once(&mut read).await.is_none());
        drop(reader);
        assert_eq!(read.await.0.unwrap(), 0);
    });
}

#[test]
fn halves_in_two_tasks_move_much_at_the_same_time() {
    const LEN: usize = 4_000_000;
    run(async {
        let (client, server) = pair().await;
        let move_both_ways = |stream: TcpStream, seed: u8| {
            let (mut reader, mut writer) = stream.into_split();
            let writing = annulus::spawn(async move {
                let bytes: Vec<u8> = (0..LEN).map(|i| (i / 251) as u8 ^ seed).collect();
                AsyncWriteExt::write_all(&mut writer, bytes).await.unwrap();
            });
            let reading = annulus::spawn(async move {
                let (count, bytes) = reader.read_to_end(Vec::new()).await.unwrap();
                (count, bytes.iter().enumerate().all(|(i, &b)| b == (i / 251) as u8 ^ !seed))
            });
            (writing, reading)
        };
        let (client_writing, client_reading) = move_both_ways(client, 0x5a);
        let (server_writing, server_reading) = move_both_ways(server, !0x5a);
        client_writing.await.unwrap();
        server_writing.await.unwrap();
        assert_eq!(client_reading.await.unwrap(), (LEN, true));
        assert_eq!(server_reading.await.unwrap(), (LEN, true));
    });
}

#[test]
fn streams_and_halves_are_what_the_io_room_reads_and_writes() {
    async fn round<S: Splittable>(stream: &mut S, word: &'static str) -> String {
        let (mut reader, mut writer) = stream.split();
        writer.write_all(word).await.unwrap();
        annulus::io::AsyncWrite::shutdown(&mut writer).await.unwrap();
        reader.read_to_string(String::new()).await.unwrap().1
    }
    run(async {
        let (mut client, mut server) = pair().await;
        let other = annulus::spawn(async move { round(&mut server, "pong").await });
        assert_eq!(round(&mut client, "ping").await, "pong");
        assert_eq!(other.await.unwrap(), "ping");

        let (client, server) = pair().await;
        let (reader, mut writer) = (&mut &server, &client);
        AsyncWriteExt::write_vectored_all(&mut writer, vec!["a", "bc", "", "def"]).await.unwrap();
        let (_, buf) = reader.read_exact(vec![0; 6]).await.unwrap();
        assert_eq!(buf, b"abcdef");
    });
}

#[test]
fn a_write_that_goes_on_when_its_half_is_dropped_fails() {
    run_really(async {
        let (stream, _foreign) = half_foreign_pair().await;
        let (_reader, writer) = stream.into_split();
        let mut write = writer.write(vec![0; 1 << 20]);
        loop {
            if let Some(BufResult(result, buf)) = poll_once(&mut write).await {
                result.unwrap();
                write = writer.write(buf);
                continue;
            }
            settle().await;
            match poll_once(&mut write).await {
                Some(BufResult(result, buf)) => {
                    result.unwrap();
                    write = writer.write(buf);
                }
                None => break,
            }
        }
        drop(writer);
        assert_eq!(write.await.0.unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}
