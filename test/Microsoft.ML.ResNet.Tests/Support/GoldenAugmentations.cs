namespace Microsoft.ML.ResNet.Tests;

/// <summary>
/// What torchvision 0.14.1 with Pillow 9.4.0 makes of <see cref="TestPicture"/>, as bytes in hexadecimal digits. The operations of
/// TrivialAugment are its <c>_apply_op</c> with the magnitudes of its <c>TrivialAugmentWide</c>, bilinear, on 7 x 5 RGB pixels unless
/// said otherwise.
/// </summary>
internal static class GoldenAugmentations
{
    /// <summary>ShearX, bin 10.</summary>
    public const string ShearX =
        "0558ab2477ca4396be62b50881d427a0c846ba0d604b9e7371c41797ea3dbd9263e336898b5caf1d70c397ea3dc4436af144974a71c44b9ef178cb4a" +
        "000000bf3a8d1b6ec14fa2cd83ae29b70a5de336890000003b8e6576c91cb18857703f92277acd4699ec000000";

    /// <summary>ShearY, bin 20, negative.</summary>
    public const string ShearY =
        "0053a60000000000000000000000000000000000002679cc1f72c30000000000000000000000000000005fb2595fb20556a9a35db003000000000000" +
        "00000098eb3e9ff0459d974392e5387ec924000000000000d17877dd32858b378ae08386cb2679bdb163ba0d60";

    /// <summary>Rotate, bin 7.</summary>
    public const string Rotate =
        "00000000000062b508969e3ce264885e87990000001d70c33f92cb82d547b786706e6cbf6f91b4c6626c277a9c67ba18ac8552f94c9f5d9e7f9b3e49" +
        "7155a8499ca688db399c65774673c676a987a73a770d60b3000000a4cc4aab439145953c89dc2f000000000000";

    /// <summary>Rotate, bin 23, negative.</summary>
    public const string RotateBack =
        "0000003d905e715e90b8936577ca343285890b5eb100000077ca1d2f82a0a230838fad354396a0000000000000ac8e5956a3bcf94c9fa4f04a52a569" +
        "000000000000804c766f9b575265b6b5725b6cbf120000003184d77744978a5b989d78cbc4876a8add30000000";

    /// <summary>Brightness, bin 13.</summary>
    public const string Brightness =
        "0076ed2ca2ff58cfff84fb04b1ff30ddff5cff128951c8ff87fe07beff3df4ff73ff33aaff69e029a0ffa2ff22e3ff62ff2ca2ff6ce336acff76edff" +
        "b6ff36f4ff73ff47be1b91ff65dcffafff2ffa0279ff4dc3ff4ec52ca2ff80f700d4ff54ff32a80f86fc64daff";

    /// <summary>Brightness, bin 13, negative.</summary>
    public const string Darkness =
        "002f5e1141702352823564014676135887256a0736204f7f3665024b7b1861912e7714438d2a59103f6f41700d5a8a277411418e2b5a1545742f5e8e" +
        "49781561912e7f1c4b0a3a69285787467512630130811e4e821f4e114170336200558421761343063565275786";

    /// <summary>Color, bin 17.</summary>
    public const string Color =
        "005bdc007afb1799ff47c90066e80085ff00f8006c1294ff49cb006ff10095ff09ff0183ff27a90078f95cde0089ff00ff007eff29ab0081ff2caeff" +
        "6aec0095ff09ff0f91006eef20a2ff65e700ed0061ff1395ff1496007afb44c6007fff00ff00820066e71fa1ff";

    /// <summary>Color, bin 17, negative.</summary>
    public const string Paleness =
        "264a6f45698e6488ad72964a91b569b0d4887b2f535f83a874984c9abe72c0e49892466ab86c9043678c87ab5fb4d88c8d4165ba6e924c7095799dc2" +
        "95b96dc0e498a05478395d826d91b690b468702448a4587ca5597d45698e6f9347aace8291456931557a6c90b5";

    /// <summary>Contrast, bin 11.</summary>
    public const string Contrast =
        "0041b3006cdd2596ff4fc00079ea00a4ff29ce00531e8fff52c30086f70bb9ff3fed0173ff35a60069da6cdd00a9ff2ee6006cff38a90475e641b3ff" +
        "7ff004b9ff3fff1486005bcc31a2ff78e900bf0044ff1a8bff1b8c006cdd4bbc009bff21ec00710050c230a1ff";

    /// <summary>Contrast, bin 11, negative.</summary>
    public const string Flatness =
        "2f64984277ac568bc06a9f317eb34491c658a5376c5388bd6ba03283b84a9cd062b4467acc5e934176ab77ac3e94c95bb14277cd5f94477cb16498cd" +
        "80b5479cd062bd4f833b70a55c91c67db2449e3065bf5186c052874277ac689d2f8ec254b3457a366b9f5b90c5";

    /// <summary>Sharpness, bin 29.</summary>
    public const string Sharpness =
        "0053a61f72c53e91e45db0037ccf229bee41ba0d60398cdf5fc50085fd05beff3df60077ff24b01d70c372c518b2ff31f10072ff26b20079f12dcbff" +
        "80d326abfe51ff00980052de21adff7bff00d4002fe33689e4378a1f72c55aad0095e83bd023760b5eb14699ec";

    /// <summary>Sharpness, bin 29, negative.</summary>
    public const string Smoothness =
        "0053a61f72c53e91e45db0037ccf229bee41ba0d60398cdf5f9e5085b25097b264ab6f77ab6f891d70c372c5188bb958a66a72ad718b7179a67880ad" +
        "80d326abfe51a66a715e79936c86a17b956c894d7ae33689e4378a1f72c55aad0095e83bd023760b5eb14699ec";

    /// <summary>Posterize, bin 19.</summary>
    public const string Posterize =
        "0050a01070c03090e050b00070c02090e040b000603080d050b00080d020a0f050d02070f040901070c070c01090f040c01070f040902070c050a0f0" +
        "80d020a0f050d030801060b04090e070c020a00050e03080e030801070c050a00090e030d020700050b04090e0";

    /// <summary>Solarize, bin 12.</summary>
    public const string Solarize =
        "0053591f723a3e911b5d4f037c3022641141450d60398c205f4d0585272b5401512e2477084a621d703c723a18600d45331f72064c60267933535906" +
        "802c265401512032851366464765127b31215002551c36891b378a1f723a5a520095173b2f23760b5e4e466613";

    /// <summary>AutoContrast, of 4 x 3 pixels.</summary>
    public const string AutoContrast =
        "003bb81f5edb3f82fe5fa5003a7cf961a80288d32daffe5874bd17a2f14ad0007dff33b0";

    /// <summary>Equalize, of 20 x 20 pixels with one channel.</summary>
    public const string Equalize =
        "00266891c2eeffffff1c5d86b1e4ffffff1248785f94d0ffffff226ea3daffff013d78afedffff0aaef6ffff3a81c7ffff07589bd9ffff1b6da8efff" +
        "ffff1873bfffff1c76c3ffff207ccbffff2681d3ff268ce8ff0a72caffff53a7ffff248be7ff09712294fdff379effff46a8ffff59b4ffff65c3ff04" +
        "89f6ff52beff1086f4ff50b9ff0a84f0ff4bb7ffdaff4bc3ff26a8ff1294ffff7cf6ff69daff4bc3ff26b2ff34bfff40c7ff48d0ff54d6ff5edaff65" +
        "0194ff20b9ff59e4ff7cff0aa3ff37cbff69f0ff60f605a3ff54ebff9cff44e1ff8dff37d6ff84ffafff76ff32daff9eff69ff1ccbff8dff54f60ab4" +
        "ff26e306b7ff92ff6fff42f017cbffa3ff7cff59ff94ff81ff73ff61ff4bff32f01ce10ad0ffb9ff24f62ffd31ff34ff3aff3fff42ff44ff48ff50ff" +
        "8aff9effb4ffd312e926ff4bff69ff7cff94ffa8e026ff65ff8dffb908e93aff6fff9cffc712f446ff94ffd830ff78ffb912ff61ff9effe440ff86ff" +
        "03f664ffb218ff78ffd334ff92ffeb59ffa810ff61ffcb3dffa818ff8dffff73ffda54ffbf26ff9e";

    /// <summary>adjust_hue of a tensor, 0.2.</summary>
    public const string HueForward =
        "7400a6931ec5b23de402b07822cf9740eeb6ba890cad38df04b27a2bd8a050fec6d1a023f7c649911cc318c58d44f2bacc9b1ff9c84b9a25ccc753f9" +
        "25d39b50fec6dfae318712b9bb47ed20ce96af7e02e3b236e4b336931ec500ad753ae8b0d09f227f0bb1ba46ec";

    /// <summary>adjust_hue of a tensor, -0.4.</summary>
    public const string HueBackward =
        "95a600b4c51ed3e43db002a2cf22c1ee40e00ca5bacedf38b204a4d82bcafe50f023bcd149e2f7b2c31cc518b7f244e41fb7cc4be4f9bbcc25e8f953" +
        "d325c5fe50f031cadfa8b912dced47ce20c0029aaf36cee336cfe4b4c51ead009fe83ada22bbd0a0b10bdbec46";

    /// <summary>resized_crop of 12 x 10 pixels, left 1, top 0, 11 x 9 to 4 x 5.</summary>
    public const string Shrunk =
        "6aa8679a89678f6c8574719a967e7b8577947a6984796b776e956577797f867b83936878959174767e737c8b8a906f74787d7d7876757575738a7073";

    /// <summary>resized_crop of 12 x 10 pixels, left 3, top 2, 4 x 3 to 8 x 7.</summary>
    public const string Enlarged =
        "f94c9fc457aa5b6ec13184d7489bee5eb1c475c85b80d326e057aab462ac5e7ab13d87bf558cd66b9ab683b1608ebd349379cc8485b3669d83639176" +
        "7b618f94548cac6d6eb9795f479aed54a7ba6ec154889b2ea23548bc0f62d6297ce3368968bba176ae8a92925c926e5376406f77378a9253a6a060b3" +
        "8add5499b55ab564649c41794b4b953160b34e7ccf5c8bde95e83ba4b74ac154679f32853c4fa21a6dc0378add4699ec";

    /// <summary>resized_crop of 12 x 10 pixels, left 1, top 0, 11 x 9 to 4 x 5, of one channel.</summary>
    public const string ShrunkGrey =
        "6a9a8f7496857a796e77869395767c907878758a";
}
