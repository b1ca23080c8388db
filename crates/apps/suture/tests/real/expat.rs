//! libexpat in a host process, CVE-2024-45490: a negative length is taken for a length.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;

use crate::load::{Ask, Load};
use crate::program::{Recipe, Running, connect, free_port};

/// Threads that parse all the time.
const PARSERS: usize = 4;

const RECIPE: Recipe = Recipe {
    package: "expat",
    fix: "CVE-2024-45490.patch",
    run: "cd expat && { [ -e Makefile ] || { ./buildconf.sh && ./configure --without-docbook --without-tests --without-examples; }; } && make -j2",
    artifact: "expat/lib/.libs/libexpat.so.1.8.10",
};

/// Parses lines that come on a connection, each in pieces through the function that the fix changes; each connection has a
/// thread. `probe` gives a negative length to a parser that is thrown away.
const HOST: &str = r#"
#include <expat.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void begin(void *elements, const char *name, const char **attributes) { ++*(int *)elements; }

static int parse(const char *text, int len)
{
	int elements = 0;
	XML_Parser parser = XML_ParserCreate(0);
	XML_SetUserData(parser, &elements);
	XML_SetStartElementHandler(parser, begin);
	for (int at = 0, piece; at < len; at += piece) {
		piece = len - at < 100 ? len - at : 100;
		memcpy(XML_GetBuffer(parser, piece), text + at, piece);
		if (XML_ParseBuffer(parser, piece, at + piece == len) != XML_STATUS_OK) {
			elements = -1;
			break;
		}
	}
	XML_ParserFree(parser);
	return elements;
}

static int probe(void)
{
	XML_Parser parser = XML_ParserCreate(0);
	memcpy(XML_GetBuffer(parser, 64), "<a/> ", 5);
	XML_ParseBuffer(parser, 5, 0);
	XML_GetBuffer(parser, 64);
	int refused = XML_ParseBuffer(parser, -1, 0) == XML_STATUS_ERROR && XML_GetErrorCode(parser) == XML_ERROR_INVALID_ARGUMENT;
	XML_ParserFree(parser);
	return refused;
}

static void *serve(void *connection)
{
	char line[4096];
	FILE *lines = fdopen((long)connection, "r");
	while (fgets(line, sizeof line, lines))
		dprintf((long)connection, "%d\n", strcmp(line, "probe\n") ? parse(line, strlen(line)) : probe());
	fclose(lines);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {AF_INET, htons(atoi(argv[1])), {htonl(INADDR_LOOPBACK)}};
	int door = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(door, (struct sockaddr *)&address, sizeof address) || listen(door, 16))
		return 1;
	for (;;) {
		pthread_t thread;
		long connection = accept(door, 0, 0);
		if (connection < 0 || pthread_create(&thread, 0, serve, (void *)connection))
			return 1;
		pthread_detach(thread);
	}
}
"#;

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(port: u16) -> Self {
        Self(BufReader::new(connect(port)))
    }

    fn ask(&mut self, line: &str) -> io::Result<String> {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes())?;
        let mut answer = String::new();
        self.0.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }
}

fn parser(port: u16) -> Ask {
    let document = format!("<doc>{}</doc>", "<item a='b'>text &amp; more</item>".repeat(99));
    let mut connection = Connection::open(port);
    Box::new(move || match connection.ask(&document) {
        Ok(count) if count == "100" => Ok(()),
        other => Err(format!("{other:?}")),
    })
}

#[test]
fn libexpat_is_patched_in_a_host_that_parses_on_many_threads() {
    let program = RECIPE.build();
    assert_eq!(program.changed(), ["XML_ParseBuffer"]);
    let (source, host) = (program.scratch().join("host.c"), program.scratch().join("host"));
    std::fs::write(&source, HOST).unwrap();
    std::fs::copy(program.old(), program.scratch().join("libexpat.so.1")).unwrap();
    let library = program.scratch().join("libexpat.so.1");
    let mut compile = Command::new("gcc");
    compile.args(["-O2", "-pthread", "-o"]).arg(&host).args([&source, &library]);
    assert!(compile.status().unwrap().success());
    let port = free_port();
    let mut command = Command::new(&host);
    command.env("LD_LIBRARY_PATH", program.scratch()).arg(port.to_string());
    let host = Running::server(&mut command, port);
    let load = Load::begin((0..PARSERS).map(|_| parser(port)).collect());
    // Not before each has got answers has each a thread.
    load.goes_on();
    let mut is_fixed = || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", host.pid())).unwrap().count();
        assert!(threads > PARSERS, "{threads} threads");
        match Connection::open(port).ask("probe").unwrap().as_str() {
            "0" => false,
            "1" => true,
            other => panic!("{other:?}"),
        }
    };
    program.whole_story(&[host.pid()], &load, &mut is_fixed);
    load.end();
}
