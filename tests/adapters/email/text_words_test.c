/*
 * What mail programs write around a mail: tables by program and language, each put together with the same message in several ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "text_kit.h"

/* Lines above a quoted mail, by program and language. */
static const char *const attributions[] = {
	/* Gmail */
	"On Mon, May 6, 2024 at 9:12 AM " B " wrote:",
	"On Mon, 6 May 2024 at 09:12, " B " wrote:",
	"On Mon, May 6, 2024, 9:12\xe2\x80\xaf"
	"AM " B " wrote:",
	"Am Mo., 6. Mai 2024 um 09:12 Uhr schrieb " B ":",
	"Le lun. 6 mai 2024 à 09:12, " B " a écrit :",
	"El lun, 6 may 2024 a las 9:12, Teammate Bot (<bot@example.org>) escribió:",
	"Em seg., 6 de mai. de 2024 às 09:12, " B " escreveu:",
	"A segunda, 6/05/2024, 09:12, " B " escreveu:",
	"Il giorno lun 6 mag 2024 alle ore 09:12 " B " ha scritto:",
	"Op ma 6 mei 2024 om 09:12 schreef " B ":",
	"man. 6. maj 2024 kl. 09.12 skrev " B ":",
	"man. 6. mai 2024 kl. 09:12 skrev " B ":",
	"Den mån 6 maj 2024 kl 09:12 skrev " B ":",
	"ma 6. toukok. 2024 klo 9.12 " B " kirjoitti:",
	"pon., 6 maj 2024 o 09:12 " B " napisał(a):",
	"po 6. 5. 2024 v 9:12 odesílatel " B " napsal:",
	"po 6. 5. 2024 o 9:12 " B " napísal(a):",
	"пн, 6 мая 2024 г. в 09:12, " B ":",
	"пн, 6 трав. 2024 р. о 09:12 " B " пише:",
	B " ezt írta (időpont: 2024. máj. 6., H, 9:12):",
	"lun., 6 mai 2024, 09:12 " B " a scris:",
	"pe lun., 6 mai 2024 la 09:12 " B " a scris:",
	B ", 6 May 2024 Pzt, 09:12 tarihinde şunu yazdı:",
	"Στις Δευ 6 Μαΐ 2024 στις 9:12 π.μ., ο/η " B " έγραψε:",
	"\xe2\x80\xab"
	"בתאריך יום ב׳, 6 במאי 2024 ב-9:12 מאת \xe2\x80\xaa"
	"Teammate Bot\xe2\x80\xac"
	"\xe2\x80\x8f"
	" <\xe2\x80\xaa"
	"bot@example.org\xe2\x80\xac"
	"\xe2\x80\x8f"
	">:\xe2\x80\xac"
	"",
	"في الاثنين، 6 مايو 2024 في 9:12 ص تمت كتابة ما يلي بواسطة " B ":",
	B " 于2024年5月6日周一 09:12写道：",
	B " 於 2024年5月6日 週一 上午9:12寫道：",
	"2024年5月6日(月) 9:12 " B ":",
	"2024년 5월 6일 (월) 오전 9:12, " B "님이 작성:",
	"Pada Sen, 6 Mei 2024 pukul 09.12 " B " menulis:",
	"Vào Th 2, 6 thg 5, 2024 vào lúc 09:12 " B " đã viết:",
	"ในวันที่ จ. 6 พ.ค. 2024 เวลา 09:12 " B " เขียนว่า:",
	"На пн, 6.05.2024 г. в 9:12 " B " написа:",
	"pon, 6. svi 2024. u 09:12 " B " napisao je:",
	"пон, 6. мај 2024. у 09:12 " B " је написао/ла:",
	"V V pon., 6. maj 2024 ob 09:12 je oseba " B " napisala:",
	"2024-05-06, pr, 09:12 " B " rašė:",
	"Pirmd., 2024. g. 6. maijs, plkst. 09:12, lietotājs " B " rakstīja:",
	"Kuupäev E, 6. mai 2024 kell 09:12 kirjutas " B ":",
	"El dl., 6 de maig 2024, 9:12, " B " va escriure:",
	"O luns, 6 de maio de 2024, " B " escribiu:",
	"Teammate Bot (<bot@example.org>) igorleak hau idatzi du (2024 mai. 6(a), al. (09:12)):",
	"Op Ma. 06 Mei 2024 om 09:12 het " B " geskryf:",
	"Mnamo Jtt, 6 Mei 2024 saa 09:12 " B " aliandika:",
	"Noong Lun, May 6, 2024 nang 9:12 AM, isinulat ni " B ":",
	"सोम, 6 मई 2024 को 9:12 am बजे को " B " ने लिखा:",
	"در تاریخ دوشنبه ۶ مهٔ ۲۰۲۴، ۹:۱۲ " B " نوشت:",
	/* Apple Mail */
	"On May 6, 2024, at 9:12 AM, " B " wrote:",
	"On 6 May 2024, at 09:12, Teammate Bot wrote:",
	"Am 06.05.2024 um 09:12 schrieb " B ":",
	"Le 6 mai 2024 à 09:12, " B " a écrit :",
	"El 6 may 2024, a las 9:12, " B " escribió:",
	"Il giorno 6 mag 2024, alle ore 09:12, " B " ha scritto:",
	"Op 6 mei 2024, om 09:12 heeft " B " het volgende geschreven:",
	"Den 6. maj 2024 kl. 09.12 skrev " B ":",
	"6 maj 2024 kl. 09:12 skrev " B ":",
	"Em 6 de mai. de 2024, à(s) 09:12, " B " escreveu:",
	"No dia 06/05/2024, às 09:12, " B " escreveu:",
	"Wiadomość napisana przez " B " w dniu 6 maj 2024, o godz. 09:12:",
	"Dnia 6 maj 2024 o godz. 09:12 " B " napisał(a):",
	"6. 5. 2024 v 9:12, " B ":",
	"6 мая 2024 г., в 9:12, " B " написал(а):",
	"6 трав. 2024 р. о 09:12 " B " пише:",
	"2024. máj. 6. dátummal, 9:12 időpontban " B " írta:",
	"6 May 2024 tarihinde 09:12 saatinde, " B " şunları yazdı:",
	" B kirjoitti 6.5.2024 kello 9.12:",
	"在 2024年5月6日，上午9:12，" B " 写道：",
	B " 於 2024年5月6日 上午9:12 寫道：",
	"2024/05/06 9:12、Teammate Bot <bot@example.org>のメール:",
	"2024. 5. 6. 오전 9:12, " B " 작성:",
	/* Thunderbird */
	"On 5/6/24 9:12 AM, Teammate Bot wrote:",
	"On 06/05/2024 09:12, Teammate Bot wrote:",
	"On 2024-05-06 09:12, Teammate Bot wrote:",
	"Am 06.05.24 um 09:12 schrieb Teammate Bot:",
	"Am 06.05.2024 09:12, schrieb Teammate Bot:",
	"Le 06/05/2024 à 09:12, Teammate Bot a écrit :",
	"El 6/5/24 a las 9:12, Teammate Bot escribió:",
	"Il 06/05/2024 09:12, Teammate Bot ha scritto:",
	"Op 06-05-2024 om 09:12 schreef Teammate Bot:",
	"Den 06-05-2024 kl. 09:12 skrev Teammate Bot:",
	"Den 2024-05-06 kl. 09:12, skrev Teammate Bot:",
	"Den 06.05.2024 09:12, skrev Teammate Bot:",
	"Em 06/05/2024 09:12, Teammate Bot escreveu:",
	"W dniu 06.05.2024 o 09:12, Teammate Bot pisze:",
	"Dne 06. 05. 24 v 9:12 Teammate Bot napsal(a):",
	"Dňa 6. 5. 2024 o 9:12 Teammate Bot napísal(a):",
	"06.05.2024 09:12, Teammate Bot пишет:",
	"06.05.24 09:12, Teammate Bot пише:",
	"2024. 05. 06. 9:12 keltezéssel, Teammate Bot írta:",
	"6.05.2024 09:12 tarihinde Teammate Bot yazdı:",
	"Στις 6/5/24 09:12, ο Teammate Bot έγραψε:",
	"Teammate Bot kirjoitti 6.5.2024 klo 9.12:",
	"Teammate Bot schrieb am 06.05.2024 um 09:12:",
	"La 06.05.2024 09:12, Teammate Bot a scris:",
	"在 2024/5/6 9:12, Teammate Bot 写道:",
	"於 2024/5/6 上午9:12, Teammate Bot 寫道:",
	"On Mon, 2024-05-06 at 09:12 +0200, Teammate Bot wrote:",
	/* Yahoo, Proton, Zoho, Fastmail, Mail.ru, Yandex, GMX, Horde, Roundcube, Sparrow, K-9, Outlook for Mac and phones */
	"On Monday, May 6, 2024 at 09:12:00 AM GMT+2, " B " wrote:",
	"On Monday, May 6th, 2024 at 9:12 AM, " B " wrote:",
	"---- On Mon, 06 May 2024 09:12:00 +0200 " B " wrote ----",
	"---- On Mon, 06 May 2024 09:12:00 +0200 " B " wrote ---",
	"On Mon, May 6, 2024, at 9:12 AM, Teammate Bot wrote:",
	"Monday, 6 May 2024, 09:12 +03:00 from " B ":",
	"Понедельник, 6 мая 2024, 9:12 +03:00 от " B ":",
	"06.05.2024, 09:12, \"Teammate Bot\" <bot@example.org>:",
	"Gesendet: Montag, 6. Mai 2024 um 09:12 Uhr, von: " B ":",
	"Zitat von Teammate Bot <bot@example.org>:",
	"Quoting Teammate Bot <bot@example.org>:",
	"Teammate Bot <bot@example.org> wrote:",
	"Teammate Bot <bot@example.org> schrieb:",
	"On May 6, 2024 9:12:00 AM GMT+02:00, " B " wrote:",
	"Am 6. Mai 2024 09:12:00 MESZ schrieb " B ":",
	"On 6 May 2024 09:12, \"Teammate Bot\" <bot@example.org> wrote:",
	"From: Teammate Bot <bot@example.org> on Monday, 6 May 2024 at 09:12:",
	"At 06.05.2024 09:12, you wrote:",
	"2024-05-06 9:12 GMT+02:00 " B ":",
	"* Teammate Bot <bot@example.org> [2024-05-06 09:12]:",
	"Le lundi 6 mai 2024 à 09:12:00 UTC+2, " B " a écrit :",
	"Am Montag, 6. Mai 2024 um 09:12:00 MESZ hat " B " Folgendes geschrieben:",
	"En lunes, 6 de mayo de 2024, 09:12:00 CEST, " B " escribió:",
	"Il lunedì 6 maggio 2024 alle ore 09:12:00 CEST, " B " ha scritto:",
	"Em segunda-feira, 6 de maio de 2024 às 09:12:00 BRT, " B " escreveu:",
	"Op maandag 6 mei 2024 om 09:12:00 CEST schreef " B ":",
	"mandag den 6. maj 2024 09.12.00 CEST skrev " B ":",
};

static void attribution__is_cut__in_many_languages(void **state)
{
	(void)state;
	failures = 0;
	static const size_t widths[] = { 1000, 78, 72, 50 };
	for (size_t i = 0; i < COUNT(attributions); i++)
		for (size_t w = 0; w < COUNT(widths); w++) {
			struct buf b = BUF_INIT;
			buf_add_str(&b, OWN "\n\n");
			add_wrapped(&b, attributions[i], widths[w]);
			buf_add_char(&b, '\n');
			add_quoted(&b, OLD);
			expect(b.p, OWN, "quoted, answer above");
			buf_reset(&b);
			add_wrapped(&b, attributions[i], widths[w]);
			add_quoted(&b, OLD);
			buf_add_str(&b, "\n" OWN "\n");
			expect(b.p, OWN, "quoted, answer below");
			buf_done(&b);
		}
	assert_int_equal(failures, 0);
}

/* Without ">" below it: only what is an attribution beyond doubt. */
static const char *const doubtful[] = { "Zitat von", "Quoting", "* Teammate", "Gesendet:", "From:", "2024年5月6日",
	"Teammate Bot kirjoitti", " B kirjoitti" };

static void attribution__is_cut__without_quote_marks(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(attributions); i++) {
		bool skip = false;
		for (size_t d = 0; d < COUNT(doubtful); d++)
			skip |= strncmp(attributions[i], doubtful[d], strlen(doubtful[d])) == 0;
		if (skip)
			continue;
		struct buf b = BUF_INIT;
		buf_add_str(&b, OWN "\n\n");
		add_wrapped(&b, attributions[i], 76);
		buf_add_str(&b, "\n" OLD "\n");
		expect(b.p, OWN, "unquoted");
		buf_done(&b);
	}
	assert_int_equal(failures, 0);
}

/* Header blocks of programs and languages. */
static const char *const headers[] = {
	"From: Teammate Bot <bot@example.org>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat Example <pat@example.com>\nSubject: Room",
	"From: Teammate Bot [mailto:bot@example.org]\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat Example\nCc: Ann Example; Bo Example\nSubject: RE: Room\nImportance: High",
	"From: bot@example.org\nDate: Monday, 6 May 2024 at 09:12\nTo: pat@example.com\nSubject: Room",
	"From: \"Teammate Bot\" <bot@example.org>\nTo: \"Pat Example\" <pat@example.com>\nSent: 06.05.2024 09:12:00\nSubject: Room",
	"*From:* Teammate Bot <bot@example.org>\n*Sent:* Monday, May 6, 2024 9:12 AM\n*To:* Pat Example <pat@example.com>\n*Subject:* Room",
	"**From:** Teammate Bot <bot@example.org>\n**Date:** Monday, May 6, 2024 at 9:12 AM\n**To:** Pat <pat@example.com>\n**Subject:** Room",
	"From:\tTeammate Bot <bot@example.org>\nTo:\tPat Example <pat@example.com>\nDate:\t06.05.2024 09:12\nSubject:\tRoom",
	"Date: Mon, 6 May 2024 09:12:00 +0200\nSubject: Room\nFrom: bot@example.org\nTo: pat@example.com",
	"Subject: Re: Room\nDate: Mon, 6 May 2024 09:12:00 +0200\nFrom: Teammate Bot <bot@example.org>\nTo: Pat Example <pat@example.com>",
	"Von: Teammate Bot <bot@example.org>\nGesendet: Montag, 6. Mai 2024 09:12\nAn: Pat Example\nBetreff: Raum",
	"Von: Teammate Bot <bot@example.org>\nDatum: Montag, 6. Mai 2024 um 09:12\nAn: Pat Example <pat@example.com>\nCc: Ann <ann@example.com>\nBetreff: Raum",
	"Gesendet: Montag, 06. Mai 2024 um 09:12 Uhr\nVon: \"Teammate Bot\" <bot@example.org>\nAn: pat@example.com\nBetreff: Raum",
	"De : Teammate Bot <bot@example.org>\nEnvoyé : lundi 6 mai 2024 09:12\nÀ : Pat Example\nObjet : Salle",
	"De: Teammate Bot <bot@example.org>\nDate: lundi 6 mai 2024 à 09:12\nÀ: Pat Example <pat@example.com>\nObjet: Salle",
	"De: Teammate Bot <bot@example.org>\nEnviado el: lunes, 6 de mayo de 2024 9:12\nPara: Pat Example\nAsunto: Sala",
	"De: Teammate Bot <bot@example.org>\nFecha: lunes, 6 de mayo de 2024, 9:12\nPara: Pat <pat@example.com>\nCC: Ann <ann@example.com>\nAsunto: Sala",
	"De: Teammate Bot <bot@example.org>\nEnviada em: segunda-feira, 6 de maio de 2024 09:12\nPara: Pat Example\nAssunto: Sala",
	"Da: Teammate Bot <bot@example.org>\nInviato: lunedì 6 maggio 2024 09:12\nA: Pat Example\nOggetto: Sala",
	"Van: Teammate Bot <bot@example.org>\nVerzonden: maandag 6 mei 2024 09:12\nAan: Pat Example\nOnderwerp: Kamer",
	"Fra: Teammate Bot <bot@example.org>\nSendt: 6. maj 2024 09:12\nTil: Pat Example\nEmne: Lokale",
	"Fra: Teammate Bot <bot@example.org>\nDato: mandag 6. mai 2024 kl. 09:12\nTil: Pat Example <pat@example.com>\nEmne: Rom",
	"Från: Teammate Bot <bot@example.org>\nSkickat: den 6 maj 2024 09:12\nTill: Pat Example\nÄmne: Rum",
	"Lähettäjä: Teammate Bot <bot@example.org>\nLähetetty: maanantai 6. toukokuuta 2024 9.12\nVastaanottaja: Pat Example\nAihe: Huone",
	"Od: Teammate Bot <bot@example.org>\nWysłano: poniedziałek, 6 maja 2024 09:12\nDo: Pat Example\nTemat: Sala",
	"Od: Teammate Bot <bot@example.org>\nOdesláno: pondělí 6. května 2024 9:12\nKomu: Pat Example\nPředmět: Místnost",
	"Od: Teammate Bot <bot@example.org>\nOdoslané: pondelok 6. mája 2024 9:12\nKomu: Pat Example\nPredmet: Miestnosť",
	"Feladó: Teammate Bot <bot@example.org>\nElküldve: 2024. május 6., hétfő 9:12\nCímzett: Pat Example\nTárgy: Szoba",
	"De la: Teammate Bot <bot@example.org>\nTrimis: luni, 6 mai 2024 09:12\nCătre: Pat Example\nSubiect: Sala",
	"От: Teammate Bot <bot@example.org>\nОтправлено: 6 мая 2024 г. 9:12\nКому: Pat Example\nТема: Комната",
	"Від: Teammate Bot <bot@example.org>\nНадіслано: 6 травня 2024 р. 9:12\nКому: Pat Example\nТема: Кімната",
	"От: Teammate Bot <bot@example.org>\nИзпратено: понеделник, 6 май 2024 г. 9:12\nДо: Pat Example\nОтносно: Стая",
	"Kimden: Teammate Bot <bot@example.org>\nGönderildi: 6 Mayıs 2024 Pazartesi 09:12\nKime: Pat Example\nKonu: Oda",
	"Από: Teammate Bot <bot@example.org>\nΣτάλθηκε: Δευτέρα, 6 Μαΐου 2024 9:12 π.μ.\nΠρος: Pat Example\nΘέμα: Αίθουσα",
	"מאת: Teammate Bot <bot@example.org>\nנשלח: יום שני 06 מאי 2024 09:12\nאל: Pat Example\nנושא: חדר",
	"من: Teammate Bot <bot@example.org>\nتاريخ الإرسال: الاثنين 6 مايو 2024 9:12 ص\nإلى: Pat Example\nالموضوع: غرفة",
	"发件人: Teammate Bot <bot@example.org>\n发送时间: 2024年5月6日 9:12\n收件人: Pat Example\n主题: 房间",
	"寄件者： Teammate Bot <bot@example.org>\n寄件日期： 2024年5月6日 上午 09:12\n收件者： Pat Example\n主旨： 房間",
	"差出人: Teammate Bot <bot@example.org>\n送信日時: 2024年5月6日 9:12\n宛先: Pat Example\n件名: 部屋",
	"보낸 사람: Teammate Bot <bot@example.org>\n보낸 날짜: 2024년 5월 6일 월요일 오전 9:12\n받는 사람: Pat Example\n제목: 방",
	"Dari: Teammate Bot <bot@example.org>\nDikirim: Senin, 6 Mei 2024 09.12\nKepada: Pat Example\nSubjek: Ruang",
	"Từ: Teammate Bot <bot@example.org>\nĐã gửi: Thứ Hai, 6 Tháng 5 2024 9:12\nĐến: Pat Example\nChủ đề: Phòng",
	"จาก: Teammate Bot <bot@example.org>\nส่ง: 6 พฤษภาคม 2024 9:12\nถึง: Pat Example\nเรื่อง: ห้อง",
	"Šalje: Teammate Bot <bot@example.org>\nPoslano: ponedjeljak, 6. svibnja 2024. 9:12\nPrima: Pat Example\nPredmet: Soba",
	"Od: Teammate Bot <bot@example.org>\nPoslano: ponedeljek, 06. maj 2024 9:12\nZa: Pat Example\nZadeva: Soba",
	"Nuo: Teammate Bot <bot@example.org>\nIšsiųsta: 2024 m. gegužės 6 d. 9:12\nKam: Pat Example\nTema: Kambarys",
	"No: Teammate Bot <bot@example.org>\nNosūtīts: pirmdiena, 2024. gada 6. maijs 9:12\nKam: Pat Example\nTēma: Telpa",
	"Saatja: Teammate Bot <bot@example.org>\nSaadetud: esmaspäev, 6. mai 2024 9:12\nSaaja: Pat Example\nTeema: Ruum",
	"De: Teammate Bot <bot@example.org>\nEnviat: dilluns, 6 de maig de 2024 9:12\nPer a: Pat Example\nAssumpte: Sala",
	"From: Teammate Bot\n <bot@example.org>\nSent: Monday, May 6, 2024 9:12 AM\nTo: Pat Example;\n Ann Example; Bo Example;\n Cy Example\nSubject: Room and a long subject\n that goes on",
	"From: Teammate Bot <bot@example.org>\n\nSent: Monday, May 6, 2024 9:12 AM\n\nTo: Pat Example\n\nSubject: Room",
};
static const char *const above_headers[] = { "", "________________________________\n", "-----Original Message-----\n",
	"-----Ursprüngliche Nachricht-----\n", " ------------------------------\n\n", "----- Original Message -----\n",
	"====\n\n" };

static void header_block__is_cut__in_many_languages(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(headers); i++)
		for (size_t a = 0; a < COUNT(above_headers); a++) {
			struct buf b = BUF_INIT;
			buf_addf(&b, "%s\n\n%s%s\n\n%s\n", OWN, above_headers[a], headers[i], OLD);
			expect(b.p, OWN, "header block");
			if (a == 0) { /* the whole history quoted, as some phones do */
				buf_reset(&b);
				buf_addf(&b, "%s\n\n", OWN);
				add_quoted(&b, headers[i]);
				add_quoted(&b, "\n" OLD);
				expect(b.p, OWN, "quoted header block");
			}
			buf_done(&b);
		}
	assert_int_equal(failures, 0);
}

/* Lines that start a quoted mail by themselves. */
static const char *const markers[] = {
	"-----Original Message-----",
	"----- Original Message -----",
	"-------- Original Message --------",
	"--- Original Message ---",
	"------ Original Message ------",
	"________ Original message ________",
	"-----Ursprüngliche Nachricht-----",
	"-------- Originalnachricht --------",
	"-----Message d'origine-----",
	"-------- Message original --------",
	"-----Mensaje original-----",
	"-----Mensagem original-----",
	"-----Messaggio originale-----",
	"-----Oorspronkelijk bericht-----",
	"-------- Oorspronkelijk bericht --------",
	"-----Oprindelig meddelelse-----",
	"-------- Oprindelig besked --------",
	"-----Opprinnelig melding-----",
	"-----Ursprungligt meddelande-----",
	"-------- Originalmeddelande --------",
	"-----Alkuperäinen viesti-----",
	"-----Oryginalna wiadomość-----",
	"-----Původní zpráva-----",
	"-----Pôvodná správa-----",
	"-----Eredeti üzenet-----",
	"-----Mesaj original-----",
	"-----Исходное сообщение-----",
	"-------- Оригинальное сообщение --------",
	"-----Вихідне повідомлення-----",
	"-----Orijinal İleti-----",
	"-----Αρχικό μήνυμα-----",
	"-----הודעה מקורית-----",
	"-----الرسالة الأصلية-----",
	"-----原始邮件-----",
	"------------------ 原始邮件 ------------------",
	"-----原始郵件-----",
	"-----元のメッセージ-----",
	"-----원본 메시지-----",
	"-----Pesan Asli-----",
	"-----Izvorna poruka-----",
	"-----Originalus laiškas-----",
	"##- Please type your reply above this line -##",
	"--- Reply above this line ---",
	"-- reply above this line --",
	"=-=-= Please reply above this line =-=-=",
	"[Reply above this line to add a comment]",
	"-- Bitte antworten Sie oberhalb dieser Zeile --",
	"--- Répondez au-dessus de cette ligne ---",
	"##- Por favor, escriba su respuesta por encima de esta línea -##",
	"--- Selecione esta área e responda acima desta linha ---",
	"##- Typ uw antwoord boven deze regel -##",
	"##- Svara över den här raden -##",
	"##- Пожалуйста, введите ответ выше этой строки -##",
	"##- 请在此行上方输入您的回复 -##",
};

static void marker__is_cut__with_all_below(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(markers); i++) {
		struct buf b = BUF_INIT;
		buf_addf(&b, "%s\n\n%s\n\n%s\n", OWN, markers[i], OLD);
		expect(b.p, OWN, "marker");
		buf_done(&b);
	}
	assert_int_equal(failures, 0);
}

static const char *const forwards[] = {
	"---------- Forwarded message ---------",
	"---------- Forwarded message ----------",
	"-------- Forwarded Message --------",
	"Begin forwarded message:",
	"----- Forwarded by Pat Example/Org on 05/06/2024 09:12 AM -----",
	"---------- Weitergeleitete Nachricht ---------",
	"-------- Weitergeleitete Nachricht --------",
	"Anfang der weitergeleiteten Nachricht:",
	"---------- Message transféré ---------",
	"Début du message réexpédié :",
	"---------- Mensaje reenviado ---------",
	"Inicio del mensaje reenviado:",
	"---------- Mensagem encaminhada ---------",
	"Início da mensagem encaminhada:",
	"---------- Messaggio inoltrato ----------",
	"Inizio messaggio inoltrato:",
	"---------- Doorgestuurd bericht ---------",
	"Begin doorgestuurd bericht:",
	"---------- Videresendt meddelelse ---------",
	"---------- Videresendt melding ---------",
	"---------- Vidarebefordrat meddelande ---------",
	"---------- Välitetty viesti ---------",
	"---------- Wiadomość przekazana dalej ---------",
	"---------- Přeposlaná zpráva ---------",
	"---------- Továbbított üzenet ---------",
	"---------- Mesaj redirecționat ---------",
	"---------- Пересылаемое сообщение ---------",
	"-------- Перенаправленное сообщение --------",
	"---------- Переслане повідомлення ---------",
	"---------- Yönlendirilmiş mesaj ---------",
	"---------- Προωθημένο μήνυμα ---------",
	"---------- הודעה שהועברה ---------",
	"---------- رسالة معاد توجيهها ---------",
	"---------- 转发的邮件 ---------",
	"---------- 轉寄的郵件 ---------",
	"---------- 転送されたメッセージ ---------",
	"---------- 전달된 메시지 ---------",
	"---------- Pesan terusan ---------",
	"---------- Препратено съобщение ---------",
};

static void forwarded_mail__stands_apart__with_its_comment_above(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(forwards); i++) {
		struct buf b = BUF_INIT;
		buf_addf(&b, "%s\n\n%s\n%s\n\n%s\n", OWN, forwards[i], headers[2], OLD);
		struct mail_text t;
		mail_text_plain(b.p, b.len, &t);
		if (strcmp(t.visible.p, OWN) != 0 || t.forwarded.len == 0 || strstr(t.forwarded.p, OLD) == NULL ||
		    t.quoted.len > 0) {
			print_error("forward %s: visible %s\n", forwards[i], t.visible.p);
			failures++;
		}
		mail_text_done(&t);
		buf_done(&b);
	}
	assert_int_equal(failures, 0);
}

/* Lines that phones and programs put below. */
static const char *const sent_from[] = {
	"Sent from my iPhone",
	"Sent from my iPad",
	"Sent from my Samsung Galaxy smartphone.",
	"Sent from my Galaxy",
	"Sent from my Verizon, Samsung Galaxy smartphone",
	"Sent from my T-Mobile 5G Device",
	"Sent from my mobile device",
	"Sent from my mobile. Please excuse brevity.",
	"Sent from my BlackBerry 10 smartphone.",
	"Sent from my Windows Phone",
	"Sent from my HTC One on Three",
	"Sent from Outlook for iOS",
	"Sent from Outlook",
	"Sent from Mail for Windows",
	"Sent from Mail for Windows 10",
	"Sent from Yahoo Mail on Android",
	"Sent from Yahoo Mail for iPhone",
	"Sent from Proton Mail for iOS",
	"Sent with Proton Mail secure email.",
	"Sent from ProtonMail mobile",
	"Sent from Gmail Mobile",
	"Sent from Gmail for mobile",
	"Sent via the Samsung Galaxy S23, an AT&T 5G smartphone",
	"Sent with Spark",
	"Sent from Nine",
	"Sent via Superhuman iOS",
	"Get Outlook for iOS",
	"Get Outlook for Android<https://aka.ms/AAb9ysg>",
	"Get [Outlook for iOS](https://aka.ms/o0ukef)",
	"Sent from my Android device with K-9 Mail. Please excuse my brevity.",
	"Von meinem iPhone gesendet",
	"Von meinem iPad gesendet",
	"Von meinem Samsung Galaxy Smartphone gesendet.",
	"Von meinem/meiner Galaxy gesendet",
	"Gesendet mit der GMX Mail App",
	"Gesendet von Mail für Windows",
	"Gesendet von Outlook für iOS",
	"Gesendet von meinem iPhone",
	"Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
	"Holen Sie sich Outlook für iOS",
	"Outlook für Android herunterladen",
	"Von Yahoo Mail auf Android gesendet",
	"Gesendet mit Proton Mail",
	"Gesendet vom Handy",
	"Envoyé de mon iPhone",
	"Envoyé depuis mon appareil mobile",
	"Envoyé à partir de Outlook pour Android",
	"Envoyé à partir de Courrier pour Windows",
	"Envoyé avec la messagerie sécurisée Proton Mail.",
	"Obtenez Outlook pour iOS",
	"Télécharger Outlook pour Android",
	"Enviado desde mi iPhone",
	"Enviado desde mi Samsung Mobile de Claro",
	"Enviado desde Correo para Windows",
	"Enviado desde Outlook para Android",
	"Obtener Outlook para iOS",
	"Enviado do meu iPhone",
	"Enviado a partir do meu smartphone Samsung Galaxy.",
	"Enviado do Email para Windows",
	"Obter o Outlook para iOS",
	"Inviato da iPhone",
	"Inviato dal mio dispositivo Android",
	"Inviato da Posta per Windows",
	"Inviato da Outlook per iOS",
	"Ottieni Outlook per Android",
	"Verstuurd vanaf mijn iPhone",
	"Verzonden vanaf mijn Galaxy",
	"Verzonden vanuit Mail voor Windows",
	"Outlook voor iOS downloaden",
	"Sendt fra min iPhone",
	"Sendt fra Outlook til iOS",
	"Sendt fra min mobil",
	"Hent Outlook til Android",
	"Sendt fra E-post for Windows",
	"Skickat från min iPhone",
	"Skickat från Outlook för iOS",
	"Skickat från E-post för Windows",
	"Hämta Outlook för Android",
	"Lähetetty iPhonesta",
	"Lähetetty Outlookin Android-sovelluksesta",
	"Hanki Outlook for iOS",
	"Wysłane z iPhone'a",
	"Wysłano z iPhone'a",
	"Wysłane z Poczty dla systemu Windows",
	"Pobierz aplikację Outlook dla systemu iOS",
	"Odesláno z iPhonu",
	"Odesláno z mého telefonu Samsung",
	"Získat Outlook pro Android",
	"Odoslané z iPhonu",
	"Az iPhone-omról küldve",
	"Küldve a Windows Posta alkalmazásból",
	"Trimis de pe iPhone-ul meu",
	"Trimis din Mail pentru Windows",
	"Отправлено с iPhone",
	"Отправлено с моего мобильного телефона",
	"Отправлено из мобильной Почты Mail.ru",
	"Отправлено из Почты для Windows",
	"Отправлено с устройства Samsung",
	"Надіслано з iPhone",
	"Надіслано з пристрою Galaxy",
	"Изпратено от моя iPhone",
	"iPhone'umdan gönderildi",
	"Samsung cihazımdan gönderildi",
	"Στάλθηκε από το iPhone μου",
	"נשלח מה-iPhone שלי",
	"أرسلت من الـ iPhone",
	"مرسل من iPhone الخاص بي",
	"发自我的 iPhone",
	"从我的 iPhone 发送",
	"從我的 iPhone 傳送",
	"取得 Outlook for iOS",
	"iPhoneから送信",
	"Outlook for iOS を入手",
	"나의 iPhone에서 보냄",
	"Outlook for Android 다운로드",
	"Dikirim dari iPhone saya",
	"Đã gửi từ iPhone của tôi",
	"Gửi từ iPhone của tôi",
	"ส่งจาก iPhone ของฉัน",
	"Enviat des del meu iPhone",
	"Poslano s mog iPhonea",
	"Poslano iz mojega iPhona",
	"Poslato sa mog iPhone-a",
	"Išsiųsta iš mano „iPhone“",
	"Saadetud minu iPhone'ist",
	"<<sent by galaxy>>",
	"(Sent from mobile device)",
	"Sent from my iPhone, please excuse typos",
};

static void sent_from__is_cut__in_many_languages(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(sent_from); i++) {
		struct buf b = BUF_INIT;
		buf_addf(&b, "%s\n\n%s\n", OWN, sent_from[i]);
		expect(b.p, OWN, "sent from, at the end");
		buf_reset(&b);
		buf_addf(&b, "%s\n\n%s\n\n%s\n\n", OWN, sent_from[i], attributions[0]);
		add_quoted(&b, OLD);
		expect(b.p, OWN, "sent from, above a quote");
		buf_reset(&b);
		buf_addf(&b, "%s\n\n%s\n%s\n%s\n\n%s\n", OWN, sent_from[i], above_headers[1], headers[0], OLD);
		expect(b.p, OWN, "sent from, above a header block");
		buf_done(&b);
	}
	assert_int_equal(failures, 0);
}

/* What hangs below. */
static const char *const below[] = {
	"-- \nPat Example\nExample Ltd\n+1 555 0100",
	"--\nPat",
	"--\nPat Example\nHead of Rooms | Example Ltd\nhttps://example.com\n\nExample Ltd, 1 Main Street, Townville",
	"—\nPat Example",
	"-- \nPat\n\n-- \nYou received this message because you are subscribed to the Google Groups \"rooms\" group.\nTo unsubscribe from this group and stop receiving emails from it, send an email to rooms+unsubscribe@example.org.",
	"_______________________________________________\nrooms mailing list\nrooms@lists.example.org\nhttps://lists.example.org/mailman/listinfo/rooms",
	"_______________________________________________\nrooms mailing list -- rooms@lists.example.org\nTo unsubscribe send an email to rooms-leave@lists.example.org",
	"________________________________\nThis e-mail and any attachments are confidential and intended solely for the addressee. If you are not the intended recipient, please notify the sender and delete it.",
	"This message contains confidential information and is intended only for the individual named. If you are not the named addressee you should not\ndisseminate, distribute or copy this e-mail.",
	"Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind oder diese E-Mail irrtümlich erhalten haben, informieren Sie bitte den Absender und vernichten Sie diese Mail.",
	"Ce message et toutes les pièces jointes sont confidentiels et établis à l'intention exclusive de ses destinataires. Si vous avez reçu ce message par erreur, merci de le détruire.",
	"Este mensaje es confidencial y va dirigido exclusivamente a su destinatario. Si lo ha recibido por error, le rogamos que lo elimine.",
	"Esta mensagem é confidencial e destina-se apenas ao destinatário. Se a recebeu por erro, apague-a.",
	"Questo messaggio contiene informazioni riservate ed è destinato esclusivamente al destinatario. Se lo avete ricevuto per errore, siete pregati di cancellarlo.",
	"Dit bericht is vertrouwelijk en alleen bestemd voor de geadresseerde. Hebt u het per vergissing gekregen, verwijder het dan.",
	"Настоящее сообщение конфиденциально и предназначено только для адресата. Если вы получили его по ошибке, удалите его.",
	"---\nThis email has been checked for viruses by Avast antivirus software.\nhttps://www.avast.com/antivirus",
	"Virus-free.www.avast.com",
	"--\nDiese E-Mail wurde von Avast Antivirus-Software auf Viren geprüft.\nwww.avast.com",
	"Please consider the environment before printing this e-mail.",
	"Bitte denken Sie an die Umwelt, bevor Sie diese E-Mail ausdrucken.",
	"—\nReply to this email directly, view it on GitHub, or unsubscribe.\nYou are receiving this because you were mentioned.",
	"-- \nPat\nSent from my iPhone\n\nThis e-mail is confidential. If you are not the intended recipient, delete it.\n\nPlease consider the environment before printing this email.",
	"----------------\nPat Example\nHead of Rooms\nTel. +1 555 0100 200\npat@example.com",
	"_________\nPat Example\npat@example.com",
};

static void tail__is_cut__signatures_and_footers(void **state)
{
	(void)state;
	failures = 0;
	for (size_t i = 0; i < COUNT(below); i++) {
		struct buf b = BUF_INIT;
		buf_addf(&b, "%s\n\n%s\n", OWN, below[i]);
		expect(b.p, OWN, "at the end");
		buf_reset(&b);
		buf_addf(&b, "%s\n\n%s\n\n%s\n\n", OWN, below[i], attributions[3]);
		add_quoted(&b, OLD);
		expect(b.p, OWN, "above a quote");
		buf_reset(&b);
		buf_addf(&b, "%s\n\n%s\n", OWN, attributions[0]);
		add_quoted(&b, OLD);
		buf_addf(&b, "\n%s\n", below[i]);
		expect(b.p, OWN, "below a quote");
		buf_reset(&b);
		buf_addf(&b, "%s\n", attributions[0]);
		add_quoted(&b, OLD);
		buf_addf(&b, "\n%s\n\n%s\n", OWN, below[i]);
		expect(b.p, OWN, "below an answer below a quote");
		buf_done(&b);
	}
	assert_int_equal(failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attribution__is_cut__in_many_languages),
		cmocka_unit_test(attribution__is_cut__without_quote_marks),
		cmocka_unit_test(header_block__is_cut__in_many_languages),
		cmocka_unit_test(marker__is_cut__with_all_below),
		cmocka_unit_test(forwarded_mail__stands_apart__with_its_comment_above),
		cmocka_unit_test(sent_from__is_cut__in_many_languages),
		cmocka_unit_test(tail__is_cut__signatures_and_footers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
