//! libexpat in a host process, CVE-2024-45490: a negative length is taken for a length.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::load::{Ask, Load};
use crate::program::{Recipe, Running};

const RECIPE: Recipe = Recipe {
    package: "expat",
    fix: "CVE-2024-45490.patch",
    run: "cd expat && { [ -e Makefile ] || { ./buildconf.sh && ./configure --without-docbook --without-tests --without-examples; }; } && make -j2",
    artifact: "expat/lib/.libs/libexpat.so.1.8.10",
};

/// Parses on request, on one of four threads; `probe` gives a negative length to a parser that is thrown away.
const HOST: &str = r#"
#include <stdio.h>
#include <string.h>
#include <expat.h>

static int elements;
static void begin(void *data, const char *name, const char **attributes) { elements++; }

int main(void)
{
	char line[4096];
	setvbuf(stdout, 0, _IOLBF, 0);
	while (fgets(line, sizeof line, stdin)) {
		XML_Parser parser = XML_ParserCreate(0);
		XML_SetStartElementHandler(parser, begin);
		elements = 0;
		if (!strcmp(line, "probe\n")) {
			memcpy(XML_GetBuffer(parser, 64), "<a/> ", 5);
			XML_ParseBuffer(parser, 5, 0);
			XML_GetBuffer(parser, 64);
			printf("%d\n", XML_ParseBuffer(parser, -1, 0) == XML_STATUS_ERROR && XML_GetErrorCode(parser) == XML_ERROR_INVALID_ARGUMENT);
		} else if (XML_Parse(parser, line, strlen(line), 1) == XML_STATUS_OK)
			printf("%d\n", elements);
		else
			printf("error\n");
		XML_ParserFree(parser);
	}
	return 0;
}
"#;

struct Pipe {
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Pipe {
    fn ask(&mut self, line: &str) -> std::io::Result<String> {
        writeln!(self.stdin, "{line}")?;
        let mut answer = String::new();
        self.stdout.read_line(&mut answer)?;
        Ok(answer.trim_end().to_owned())
    }
}

#[test]
fn libexpat_is_patched_in_its_host() {
    let program = RECIPE.build();
    assert_eq!(program.changed(), ["XML_ParseBuffer"]);
    let (source, host) = (program.scratch().join("host.c"), program.scratch().join("host"));
    std::fs::write(&source, HOST).unwrap();
    std::fs::copy(program.old(), program.scratch().join("libexpat.so.1")).unwrap();
    let library = program.scratch().join("libexpat.so.1");
    let built = Command::new("gcc").arg("-O2").arg("-o").arg(&host).args([&source, &library]).status();
    assert!(built.unwrap().success());
    let mut command = Command::new(&host);
    command.env("LD_LIBRARY_PATH", program.scratch()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let pipe =
        Pipe { stdin: child.stdin.take().unwrap(), stdout: BufReader::new(child.stdout.take().unwrap()) };
    let host = Running::from(child);
    let pipe = Arc::new(Mutex::new(pipe));
    let document = format!("<doc>{}</doc>", "<item a='b'>text &amp; more</item>".repeat(99));
    let asked = Arc::clone(&pipe);
    let ask: Ask = Box::new(move || match asked.lock().unwrap().ask(&document) {
        Ok(count) if count == "100" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let load = Load::begin(vec![ask]);
    let mut is_fixed = || match pipe.lock().unwrap().ask("probe").unwrap().as_str() {
        "0" => false,
        "1" => true,
        other => panic!("{other:?}"),
    };
    program.whole_story(&[host.pid()], &load, &mut is_fixed);
    load.end();
}
